/** As the kernel (path_resolution(7)). */
const maxLinks = 40

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.')

/**
 * Where an absolute path of a container leads once links are followed within its root, as its runtime follows them when it mounts something there. `readLink` is asked for what stands at a path in which no link is
 * left but the last part: where it leads; undefined for what is none. Undefined where links go round.
 */
export function realPath(path: string, readLink: (path: string) => string | undefined): string | undefined {
  const left = partsOf(path)
  let done: string[] = []
  for (let links = 0, part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '..') done.pop()
    else {
      const target = readLink(`/${[...done, part].join('/')}`)
      if (target === undefined) done.push(part)
      else if (++links > maxLinks) return undefined
      else {
        if (target.startsWith('/')) done = []
        left.unshift(...partsOf(target))
      }
    }
  }
  return `/${done.join('/')}`
}
