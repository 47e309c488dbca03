import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Debian mirrors named in one apt source file, of the old one-line or the newer stanza format (sources.list(5)). */
export function mirrorsIn(text: string, format: 'list' | 'sources'): string[] {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'))
  if (format === 'list') {
    return lines.flatMap((line) => {
      const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+\S+/.exec(line)
      return match?.[1] ? [match[1]] : []
    })
  }
  return lines
    .join('\n')
    .split(/\n\s*\n/)
    .filter((stanza) => /^Types:(.*\s)?deb(\s|$)/m.test(stanza) && !/^Enabled:\s*no\b/im.test(stanza))
    .flatMap((stanza) => /^URIs:\s*(.+)$/m.exec(stanza)?.[1]?.trim().split(/\s+/) ?? [])
}

/**
 * The machine's own Debian mirror, so that the image is made from the place the machine already
 * trusts. Throws where apt has no Debian mirror.
 */
export async function debianMirror(directory = '/etc/apt'): Promise<string> {
  const parts = join(directory, 'sources.list.d')
  const names = (await readdir(parts).catch(() => [])).sort()
  const files = [join(directory, 'sources.list'), ...names.map((name) => join(parts, name))]
  const mirrors: string[] = []
  for (const file of files) {
    const format = file.endsWith('.sources') ? 'sources' : 'list'
    if (format === 'list' && !file.endsWith('.list')) continue
    mirrors.push(...mirrorsIn(await readFile(file, 'utf8').catch(() => ''), format))
  }
  const mirror = mirrors.find((uri) => /\/debian\/?$/.test(uri))
  if (!mirror) throw new Error(`no Debian mirror (…/debian) found in the apt sources under ${directory}`)
  return mirror
}
