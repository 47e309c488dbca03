export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

export const readTheme = (value: string | undefined): Theme => themes.find((theme) => theme === value) ?? 'system'

/** Changes the theme at once and keeps it for a year; the server writes it into <html>, so it stands before the first paint. */
export function setTheme(theme: Theme) {
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`
}

/** The theme that is set now; only in the browser. */
export const currentTheme = (): Theme => readTheme(document.documentElement.dataset['theme'])
