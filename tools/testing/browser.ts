import { existsSync } from 'node:fs'

/** Chromium without what only windows need, which takes a third less of the processors than `chromium --headless`; that where it is missing. */
const programs = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium']

/**
 * The browser of the journeys and of the pictures: the one that CHROMIUM_PATH names, else the first of Debian's that is there.
 * @throws where none is
 */
export function browserPath(named = process.env.CHROMIUM_PATH, candidates: readonly string[] = programs): string {
  if (named) return named
  const found = candidates.find((path) => existsSync(path))
  if (!found) throw new Error(`the journeys need a browser, and none of ${candidates.join(', ')} is there: npm test installs one, or set CHROMIUM_PATH to yours`)
  return found
}
