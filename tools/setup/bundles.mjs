import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { root } from './paths.mjs'

/** A bundle a process: `dist/<name>.mjs` from its entry file. */
export const bundles = {
  web: 'server/processes/web.ts',
  control: 'server/processes/control.ts',
  migrate: 'server/processes/migrate.ts',
  host: 'host/main.ts',
  supervisor: 'tools/start/main.ts',
  doctor: 'tools/doctor/main.ts',
}

const outfile = (name) => join(root, 'dist', `${name}.mjs`)

/** @returns {import('esbuild').BuildOptions & { metafile: true, write: false }} */
const optionsOf = (name) => ({
  absWorkingDir: root,
  entryPoints: [bundles[name]],
  outfile: outfile(name),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  sourcemap: 'linked',
  // A process keeps the map that its first error was told by: places are enough, the text itself is in the repository.
  sourcesContent: false,
  metafile: true,
  write: false,
  logLevel: 'silent',
  // Marks code that only React's server graph may load; outside of Next it has no meaning and throws.
  alias: { 'server-only': './tools/testing/empty.ts' },
})

/**
 * Bundles our own code for Node; npm packages stay outside. What went into each bundle is kept in dist/meta for the
 * check of bundles. Files are replaced by renaming: a process that runs keeps its own.
 */
export async function buildBundles(names = Object.keys(bundles)) {
  const { build, stop } = await import('esbuild')
  try {
    for (const name of names) write(name, await build(optionsOf(name)))
  } finally {
    await stop() // its service would run on beside the supervisor
  }
}

/**
 * Development: bundles each process again when one of its files changes, and names it then. Returns the end of it.
 * @param {(name: 'web' | 'control' | 'host') => void} onRebuilt
 */
export async function watchBundles(onRebuilt) {
  const { context } = await import('esbuild')
  const contexts = await Promise.all(['web', 'control', 'host'].map((name) => context({ ...optionsOf(name), plugins: [afterBuild(name, onRebuilt)] })))
  for (const each of contexts) await each.watch()
  return async () => {
    for (const each of contexts) await each.dispose()
  }
}

const afterBuild = (name, onRebuilt) => ({
  name: 'replace the process',
  setup(build) {
    let first = true
    build.onEnd((result) => {
      for (const { text, location } of result.errors) console.error(`${name}: ${location ? `${location.file}:${location.line}: ` : ''}${text}`)
      if (result.errors.length > 0) return
      write(name, result)
      if (!first) onRebuilt(name)
      first = false
    })
  },
})

function write(name, result) {
  for (const file of result.outputFiles) replaceFile(join(dirname(outfile(name)), basename(file.path)), file.contents)
  replaceFile(join(root, 'dist', 'meta', `${name}.json`), JSON.stringify(result.metafile))
}

function replaceFile(path, contents) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, contents)
  renameSync(`${path}.new`, path)
}
