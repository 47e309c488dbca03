import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A place that apt fetches packages from. */
export interface AptSource {
  uri: string
  suites: string[]
}

/** The places named in one apt source file, of the old one-line or the newer stanza format (sources.list(5)). */
export function sourcesIn(text: string, format: 'list' | 'sources'): AptSource[] {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'))
  if (format === 'list') {
    return lines.flatMap((line) => {
      const [, uri, suite] = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line) ?? []
      return uri && suite ? [{ uri, suites: [suite] }] : []
    })
  }
  const words = (stanza: string, field: RegExp) => field.exec(stanza)?.[1]?.trim().split(/\s+/) ?? []
  return lines
    .join('\n')
    .split(/\n\s*\n/)
    .filter((stanza) => /^Types:(.*\s)?deb(\s|$)/m.test(stanza) && !/^Enabled:\s*no\b/im.test(stanza))
    .flatMap((stanza) => words(stanza, /^URIs:\s*(.+)$/m).map((uri) => ({ uri, suites: words(stanza, /^Suites:\s*(.+)$/m) })))
}

async function machineSources(directory: string): Promise<AptSource[]> {
  const parts = join(directory, 'sources.list.d')
  const names = (await readdir(parts).catch(() => [])).sort()
  const files = [join(directory, 'sources.list'), ...names.map((name) => join(parts, name))]
  const sources: AptSource[] = []
  for (const file of files) {
    const format = file.endsWith('.sources') ? 'sources' : 'list'
    if (format === 'list' && !file.endsWith('.list')) continue
    sources.push(...sourcesIn(await readFile(file, 'utf8').catch(() => ''), format))
  }
  return sources
}

/**
 * The machine's own Debian mirror, so that the image is made from the place the machine already
 * trusts. Throws where apt has no Debian mirror.
 */
export async function debianMirror(directory = '/etc/apt'): Promise<string> {
  const mirror = (await machineSources(directory)).find(({ uri }) => /\/debian\/?$/.test(uri))
  if (!mirror) throw new Error(`no Debian mirror (…/debian) found in the apt sources under ${directory}`)
  return mirror.uri
}

/**
 * Where the packages of a Debian release come from, as one-line sources: the machine's own mirror and, from where the
 * machine takes its own updates, those of that release. Throws where apt has no Debian mirror.
 */
export async function debianSources(release: string, directory = '/etc/apt'): Promise<string[]> {
  const mirror = await debianMirror(directory)
  const sources = await machineSources(directory)
  const updates = sources.some(({ uri, suites }) => uri === mirror && suites.some((suite) => suite.endsWith('-updates')))
  const security = sources.find(({ suites }) => suites.some((suite) => suite.endsWith('-security')))
  return [
    `deb ${mirror} ${release} main`,
    ...(updates ? [`deb ${mirror} ${release}-updates main`] : []),
    ...(security ? [`deb ${security.uri} ${release}-security main`] : []),
  ]
}
