import type { WorkNotice } from '../../testing/playground/notices.ts'
import { pathFromHere } from '../print.ts'
import type { TypeProblem } from '../types/types.ts'

/** More of them are told by their number. */
const shown = 3

/** Type errors as the playground tells them. */
export function typeNotice(problems: readonly TypeProblem[]): WorkNotice {
  const count = problems.length
  if (count === 0) return { type: 'work', topic: 'types', ok: true, title: 'The types are right' }
  const frames = problems.slice(0, shown).map((problem) => `${placeOf(problem)}\n${problem.frame}`)
  const more = count > shown ? [`… and ${count - shown} more`] : []
  return {
    type: 'work',
    topic: 'types',
    ok: false,
    title: count === 1 ? '1 type error' : `${count} type errors`,
    message: 'It runs all the same: types hold up no reload.',
    frame: [...frames, ...more].join('\n\n'),
  }
}

/** `plugins/disks/index.ts:3:7  TS2322: …` */
function placeOf({ file, line, column, text }: TypeProblem): string {
  return `${pathFromHere(file)}:${line}:${column}  ${text}`
}
