import type { ArchiveEntry } from '../tar/archive'

type Thing = { kind: 'dir'; layer: number } | { kind: 'file'; layer: number; content: string } | { kind: 'symlink'; layer: number; target: string }

/** What the model refuses, as the store refuses it. */
export class Refused extends Error {}

const join = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`)

/**
 * The rules of OCI's layers once more, told over plain paths instead of a tree of nodes: slow, and obvious to read. Paths are
 * relative to the root, ''.
 */
export class PlainTree {
  readonly paths = new Map<string, Thing>([['', { kind: 'dir', layer: 0 }]])

  add(layer: number, entry: ArchiveEntry): void {
    const parts = entry.name.split('/').filter((part) => part !== '' && part !== '.')
    if (entry.name.startsWith('/') || parts.includes('..')) throw new Refused('name')
    const base = parts.pop()
    const type = entry.type ?? (entry.name.endsWith('/') ? 'directory' : 'file')
    if (base === undefined) {
      if (type !== 'directory') throw new Refused('root')
      return void this.paths.set('', { kind: 'dir', layer })
    }
    if (base === '.wh..wh..opq') {
      const folder = this.#follow(parts, layer)
      for (const child of this.#children(folder)) this.#hide(child, layer)
      return void this.paths.set(folder, { kind: 'dir', layer })
    }
    if (base.startsWith('.wh..wh.')) return
    if (base.startsWith('.wh.')) {
      const hidden = base.slice(4)
      if (['', '.', '..'].includes(hidden)) throw new Refused('whiteout')
      const folder = this.#follow(parts, null)
      if (folder !== null) this.#hide(join(folder, hidden), layer)
      return
    }
    const path = join(this.#follow(parts, layer), base)
    if (type === 'directory') {
      if (this.paths.get(path)?.kind !== 'dir') this.#remove(path)
      return void this.paths.set(path, { kind: 'dir', layer })
    }
    const made = type === 'link' ? this.#linked(entry.linkName ?? '', layer) : type === 'symlink' ? { kind: 'symlink' as const, layer, target: entry.linkName ?? '' } : { kind: 'file' as const, layer, content: String(entry.content ?? '') }
    if (made.kind === 'symlink' && made.target === '') throw new Refused('symlink')
    this.#remove(path)
    if (type !== 'device') this.paths.set(path, made)
  }

  #linked(name: string, layer: number): Thing {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.')
    if (name.startsWith('/') || parts.includes('..')) throw new Refused('link')
    const base = parts.pop()
    const folder = this.#follow(parts, null)
    const target = base === undefined || folder === null ? undefined : this.paths.get(join(folder, base))
    if (!target || target.kind === 'dir') throw new Refused('link')
    return { ...target, layer }
  }

  /** Where a path of folders leads; what is missing is made in `layer`, or is null where that is null. */
  #follow(parts: readonly string[], layer: number): string
  #follow(parts: readonly string[], layer: null): string | null
  #follow(parts: readonly string[], layer: number | null): string | null {
    let here = ''
    const rest = [...parts]
    for (let followed = 0; rest.length > 0; ) {
      const name = rest.shift() ?? ''
      if (name === '' || name === '.') continue
      if (name === '..') {
        here = here.split('/').slice(0, -1).join('/')
        continue
      }
      const next = join(here, name)
      const thing = this.paths.get(next)
      if (thing?.kind === 'symlink') {
        if (++followed > 40) throw new Refused('circle')
        if (thing.target.startsWith('/')) here = ''
        rest.unshift(...thing.target.split('/'))
        continue
      }
      if (thing?.kind !== 'dir') {
        if (layer === null) return null
        this.#remove(next)
        this.paths.set(next, { kind: 'dir', layer })
      }
      here = next
    }
    return here
  }

  #children(folder: string): string[] {
    return [...this.paths.keys()].filter((path) => path !== '' && path.split('/').slice(0, -1).join('/') === folder)
  }

  #remove(path: string): void {
    for (const one of [...this.paths.keys()]) if (one === path || one.startsWith(`${path}/`)) this.paths.delete(one)
  }

  /** A whiteout: what layers below have put there goes; a folder stays while something newer lives in it. */
  #hide(path: string, layer: number): void {
    for (const child of this.#children(path)) this.#hide(child, layer)
    const thing = this.paths.get(path)
    if (thing && thing.layer < layer && this.#children(path).length === 0) this.paths.delete(path)
  }
}
