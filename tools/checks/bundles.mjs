// Looks into what was built: which modules are in the bundles of Node, and which texts are in the browser's.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { root } from '../setup/paths.mjs'

const BUDGET = 200_000
/** The page whose first load has a budget. */
const BUDGET_PAGE = /\/pods\/page$/

const read = (path) => readFileSync(join(root, path), 'utf8')

function filesBelow(folder, fits) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && fits(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort()
}

/**
 * What the host's bundle must not hold: it runs as root on machines that have no server.
 * @returns {string[]} a problem a line
 */
export function checkHostBundle() {
  const metafile = JSON.parse(read('dist/meta/host.json'))
  const inside = Object.keys(metafile.inputs)
  const outside = Object.values(metafile.outputs).flatMap((output) => output.imports.filter((entry) => entry.external).map((entry) => entry.path))
  const problems = inside.filter((path) => /^(server|generated|app|components)\//.test(path)).map((path) => `dist/host.mjs holds ${path}: the host agent knows no server`)
  const banned = /^(@prisma\/|next($|\/)|next-auth|react($|\/)|react-dom|pg($|\/))/
  return [...problems, ...[...new Set(outside)].filter((name) => banned.test(name)).map((name) => `dist/host.mjs imports ${name}: the host agent runs without it`)]
}

/** Texts of this file's code that can be found again after minification: sentences and SQL. An alphabet or a path may be a library's too. */
function literalsOf(path) {
  const withoutComments = read(path).replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '')
  return [...withoutComments.matchAll(/'([^'\\\n]{24,})'|"([^"\\\n]{24,})"/g)].map((match) => match[1] ?? match[2]).filter((text) => text.includes(' '))
}

const sources = (...folders) => folders.flatMap((folder) => filesBelow(folder, (name) => /\.tsx?$/.test(name) && !/\.test\./.test(name)))

/**
 * Code of the server in what browsers load. Each server file is known by the texts that stand in it alone: its error
 * messages, its SQL.
 * @returns {string[]}
 */
export function checkBrowserChunks() {
  const chunks = filesBelow('.next/static', (name) => name.endsWith('.js'))
  if (chunks.length === 0) return ['.next/static holds no chunk: the console was not built']
  const shared = sources('app', 'components', 'domain', 'contracts').map(read).join('\n')
  const served = chunks.map((path) => ({ path, text: read(path) }))
  const everything = served.map((chunk) => chunk.text).join('\n')
  const problems = []
  for (const path of sources('server', 'host', 'platform')) {
    const found = literalsOf(path).find((text) => !shared.includes(text) && everything.includes(text))
    if (found) problems.push(`${served.find((chunk) => chunk.text.includes(found))?.path} holds code of ${path} (“${found.slice(0, 60)}”): the browser knows the server's types alone`)
  }
  return problems
}

/** The chunks a page loads before it can be used: the framework's, and those of its layouts and itself. */
function firstLoad(manifestPath) {
  const text = read(manifestPath)
  const start = text.indexOf('] = {') + 4
  const manifest = JSON.parse(text.slice(start).replace(/;\s*$/, ''))
  const own = Object.values(manifest.entryJSFiles ?? {}).flat()
  const { rootMainFiles } = JSON.parse(read('.next/build-manifest.json'))
  return [...new Set([...rootMainFiles, ...own])]
}

/**
 * The compressed JavaScript that each page loads first, in bytes of gzip.
 * @returns {{ page: string, bytes: number }[]}
 */
export function firstLoads() {
  const manifests = filesBelow('.next/server/app', (name) => name === 'page_client-reference-manifest.js')
  const size = (path) => gzipSync(readFileSync(join(root, '.next', path))).length
  return manifests.map((path) => ({
    page: path.slice('.next/server/app/'.length).replace('_client-reference-manifest.js', ''),
    bytes: firstLoad(path).reduce((sum, chunk) => sum + size(chunk), 0),
  }))
}

/** @returns {string[]} */
export function checkFirstLoad() {
  const pages = firstLoads().filter(({ page }) => BUDGET_PAGE.test(`/${page}`))
  if (pages.length === 0) return ['the console has no page of pods to measure']
  for (const { page, bytes } of pages) console.log(`first load of ${page}: ${(bytes / 1000).toFixed(1)} kB of compressed JavaScript (at most ${BUDGET / 1000})`)
  return pages.filter(({ bytes }) => bytes > BUDGET).map(({ page, bytes }) => `first load of ${page} is ${bytes} bytes, more than ${BUDGET}: load what is not seen at first with next/dynamic`)
}
