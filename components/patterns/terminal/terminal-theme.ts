import type { ITheme } from '@xterm/xterm'

/** The computed colour of a token, as xterm wants it. */
function colourOf(probe: HTMLElement, token: string): string {
  probe.style.color = `var(--color-${token})`
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  if (!context) return '#808080'
  context.fillStyle = getComputedStyle(probe).color
  context.fillRect(0, 0, 1, 1)
  const [r = 0, g = 0, b = 0] = context.getImageData(0, 0, 1, 1).data
  return `#${[r, g, b].map((part) => part.toString(16).padStart(2, '0')).join('')}`
}

/** The terminal's colours from our tokens, for the theme that is shown now. */
export function terminalTheme(host: HTMLElement): ITheme {
  const probe = document.createElement('span')
  host.append(probe)
  const c = (token: string) => colourOf(probe, token)
  const theme: ITheme = {
    background: c('sunken'), foreground: c('content'), cursor: c('accent'), cursorAccent: c('sunken'), selectionBackground: c('press'),
    black: c('faint'), red: c('error-content'), green: c('success-content'), yellow: c('notice-content'), blue: c('info-content'), magenta: c('accent-content'), cyan: c('info-content'), white: c('soft'),
    brightBlack: c('faint'), brightRed: c('error'), brightGreen: c('success'), brightYellow: c('notice'), brightBlue: c('info'), brightMagenta: c('accent'), brightCyan: c('info'), brightWhite: c('content'),
  }
  probe.remove()
  return theme
}

/** Calls when the theme changes, by hand or with the system. */
export function onThemeChange(run: () => void): () => void {
  const observer = new MutationObserver(run)
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] })
  const system = matchMedia('(prefers-color-scheme: dark)')
  system.addEventListener('change', run)
  return () => { observer.disconnect(); system.removeEventListener('change', run) }
}
