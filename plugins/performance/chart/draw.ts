import { createRequire } from 'node:module'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Panel, Series } from './panels.ts'
import type { Colours } from './theme.ts'

/** Pixels: of a phone 390 wide, 2.8 of ours are one. */
const width = 1_080
const panelHeight = 330
const titleHeight = 56
const margin = 28
const footHeight = 44
/** 34 of ours are 12 on that phone. */
const fontSize = 32
const family = 'Opsgram Latin, Opsgram Cyrillic, Opsgram Rest'

export interface Picture {
  readonly panels: readonly Panel[]
  readonly colours: Colours
  /** What the time axis is from and to, ms. */
  readonly from: number
  readonly to: number
  /** Times under the picture, ms. */
  readonly times: readonly { readonly at: number; readonly label: string }[]
}

type Tools = Awaited<ReturnType<typeof load>>
let tools: Promise<Tools> | undefined
/** One picture at a time: each takes tens of megabytes while it is drawn. */
let drawing: Promise<unknown> = Promise.resolve()

/**
 * A picture as PNG. Each panel is drawn in a turn of its own, so that updates are handled in between, and the
 * encoding runs beside the event loop.
 */
export function draw(picture: Picture): Promise<Buffer> {
  const drawn = drawing.catch(() => undefined).then(() => drawNow(picture))
  drawing = drawn
  return drawn
}

/** Only once somebody wants a picture: what draws takes 30 MiB. */
async function load() {
  const [{ createCanvas, GlobalFonts }, chart] = await Promise.all([
    import('@napi-rs/canvas'),
    import('chart.js'),
  ])
  const { resolve } = createRequire(import.meta.url)
  const files = { Latin: 'latin', Cyrillic: 'cyrillic', Rest: 'latin-ext' }
  for (const [name, subset] of Object.entries(files)) {
    const file = resolve(`@fontsource-variable/inter/files/inter-${subset}-wght-normal.woff2`)
    GlobalFonts.registerFromPath(file, `Opsgram ${name}`)
  }
  const { Chart, LineController, BarController, LineElement, BarElement } = chart
  const { PointElement, LinearScale, Filler } = chart
  Chart.register(LineController, BarController, LineElement, BarElement)
  Chart.register(PointElement, LinearScale, Filler)
  return { createCanvas, Chart }
}

async function drawNow(picture: Picture): Promise<Buffer> {
  tools ??= load()
  const { createCanvas } = await tools.catch((error: unknown) => {
    tools = undefined
    throw error
  })
  const { panels, colours, from, to, times } = picture
  const height = panels.length * panelHeight + footHeight + 2 * margin
  const canvas = createCanvas(width, height)
  const context = canvas.getContext('2d')
  context.fillStyle = colours.ground
  context.fillRect(0, 0, width, height)
  for (const [index, panel] of panels.entries()) {
    await nextTurn()
    const top = margin + index * panelHeight
    drawPanel(context, top + titleHeight, panel, picture, await tools)
    drawTitle(context, panel, colours, top)
  }
  const scale = (at: number) =>
    axisWidth + ((at - from) / (to - from)) * (width - axisWidth - margin)
  context.fillStyle = colours.faint
  context.font = `400 ${fontSize}px ${family}`
  context.textAlign = 'center'
  for (const { at, label } of times) {
    context.fillText(label, Math.min(scale(at), width - margin - 40), height - margin)
  }
  return canvas.encode('png')
}

/** Room for the numbers at the left of each panel. */
const axisWidth = 170

function drawPanel(
  context: Context,
  top: number,
  { series, format, atLeast }: Panel,
  { colours, from, to, times }: Picture,
  { createCanvas, Chart }: Tools,
): void {
  const canvas = createCanvas(width, panelHeight - titleHeight - 12)
  const stepMs = stepOf(series)
  const barWidth = Math.max(2, ((width - axisWidth) / ((to - from) / stepMs)) * 0.8)
  // longer than that the bot was away, or nothing ran
  const longestGap = 3 * stepMs
  const chart = new Chart(
    // of a browser's canvas it uses what this one has
    canvas.getContext('2d') as unknown as ConstructorParameters<typeof Chart>[0],
    {
      type: 'line',
      data: {
        datasets: series.map((one) => ({
          type: one.as,
          label: one.label,
          data: [...one.points],
          borderColor: one.colour,
          backgroundColor: one.as === 'bar' ? one.colour : `${one.colour}22`,
          borderWidth: one.as === 'bar' ? 0 : 4,
          // a point alone makes no line
          pointRadius: one.as === 'line' && one.points.length === 1 ? 6 : 0,
          ...(one.as === 'line' && { fill: true, tension: 0.25, spanGaps: longestGap }),
          ...(one.as === 'bar' && { barThickness: barWidth, stack: 'all' }),
        })),
      },
      options: {
        animation: false,
        responsive: false,
        devicePixelRatio: 1,
        events: [],
        layout: { padding: { right: margin, top: 14 } },
        scales: {
          x: {
            type: 'linear',
            // bars would move it
            offset: false,
            min: from,
            max: to,
            afterBuildTicks: (axis: { ticks: { value: number }[] }) => {
              axis.ticks = times.map(({ at }) => ({ value: at }))
            },
            ticks: { display: false },
            grid: { color: colours.line, drawTicks: false, offset: false },
            border: { display: false },
          },
          y: {
            min: 0,
            suggestedMax: atLeast,
            stacked: series.some(({ as }) => as === 'bar'),
            afterFit: (axis: { width: number }) => {
              axis.width = axisWidth
            },
            ticks: {
              color: colours.faint,
              font: { family, size: fontSize },
              maxTicksLimit: 4,
              padding: 12,
              callback: (value: string | number) => format(Number(value)),
            },
            grid: { color: colours.line, drawTicks: false },
            border: { display: false },
          },
        },
      },
    },
  )
  context.drawImage(canvas, 0, top)
  // wipes its canvas, too
  chart.destroy()
}

/** From one point to the next, ms. */
function stepOf(series: readonly Series[]): number {
  const xs = series[0]?.points.map(({ x }) => x) ?? []
  const steps = xs.slice(1).map((x, i) => x - (xs[i] ?? x))
  return steps.length === 0 ? 60_000 : Math.min(...steps)
}

type Context = ReturnType<ReturnType<Tools['createCanvas']>['getContext']>

/** The title at the left, what each colour means at the right, with the newest number. */
function drawTitle(context: Context, panel: Panel, colours: Colours, top: number): void {
  const base = top + 38
  context.font = `600 ${fontSize + 2}px ${family}`
  context.fillStyle = colours.text
  context.textAlign = 'left'
  context.fillText(panel.title, margin, base)
  context.textAlign = 'right'
  context.font = `500 ${fontSize}px ${family}`
  let right = width - margin
  for (const { label, colour, points } of panel.series.toReversed()) {
    const newest = points.findLast(({ y }) => y !== null)?.y
    const text =
      newest === undefined || newest === null ? label : `${label} ${panel.format(newest)}`
    context.fillStyle = colour
    context.fillText(text, right, base)
    right -= context.measureText(text).width + 32
  }
}
