/** Paths as a container has them: absolute, with slashes. */

export const inFolder = (folder: string, name: string): string => `${folder === '/' ? '' : folder}/${name}`

/** What a person typed as an absolute path without `.`, `..` and doubled slashes. */
export function cleanPath(typed: string): string {
  const parts: string[] = []
  for (const part of typed.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

export const parentOf = (path: string): string => cleanPath(`${path}/..`)

/** Every folder from the root to the path, with its name. */
export function stepsOf(path: string): { name: string; path: string }[] {
  const parts = path.split('/').filter((part) => part !== '')
  return [{ name: '/', path: '/' }, ...parts.map((name, i) => ({ name, path: `/${parts.slice(0, i + 1).join('/')}` }))]
}
