export const themes = ['light', 'dark'] as const
export type Theme = (typeof themes)[number]

/** Colours of a picture. */
export interface Colours {
  readonly ground: string
  readonly text: string
  readonly faint: string
  readonly line: string
  readonly blue: string
  readonly red: string
  readonly teal: string
  readonly orange: string
  readonly violet: string
}

/** Told apart by people who see red and green alike, too: they differ in brightness. */
export const colours: Readonly<Record<Theme, Colours>> = {
  light: {
    ground: '#ffffff',
    text: '#111827',
    faint: '#6b7280',
    line: '#e5e7eb',
    blue: '#2563eb',
    red: '#dc2626',
    teal: '#0d9488',
    orange: '#ea7317',
    violet: '#7c3aed',
  },
  dark: {
    ground: '#17212b',
    text: '#f3f4f6',
    faint: '#9ca9b5',
    line: '#2c3a47',
    blue: '#6aa5ff',
    red: '#ff7b72',
    teal: '#2dd4bf',
    orange: '#ffb057',
    violet: '#b794ff',
  },
}
