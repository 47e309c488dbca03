import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const entrySchema = z.object({
  /** Only where the name differs from its folder's: an alias. */
  name: z.string().optional(),
  version: z.string().optional(),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  license: z.string().optional(),
  dev: z.boolean().optional(),
  devOptional: z.boolean().optional(),
  optional: z.boolean().optional(),
  link: z.boolean().optional(),
  inBundle: z.boolean().optional(),
  hasInstallScript: z.boolean().optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
  devDependencies: z.record(z.string(), z.string()).optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
})
const lockSchema = z.object({ lockfileVersion: z.number(), packages: z.record(z.string(), entrySchema) })

/** The fields of package.json that name what to install. */
const manifestSchema = entrySchema.pick({ dependencies: true, devDependencies: true, optionalDependencies: true })

export type LockEntry = z.infer<typeof entrySchema>
export type Lockfile = z.infer<typeof lockSchema>
export type Manifest = z.infer<typeof manifestSchema>

/** A package of the lock. `path`: its folder, as the lock names it; `development`: the product runs without it. */
export type LockedPackage = { path: string; name: string; version: string; development: boolean; entry: LockEntry }

export const readLockfile = (root: string): Lockfile => lockSchema.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')))
export const readManifest = (root: string): Manifest => manifestSchema.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')))

const FOLDER = 'node_modules/'
const nameOf = (path: string) => path.slice(path.lastIndexOf(FOLDER) + FOLDER.length)

/** Every package of the lock but the project itself, by its path. */
export function packagesOf(lock: Lockfile): LockedPackage[] {
  return Object.entries(lock.packages)
    .filter(([path]) => path !== '')
    .map(([path, entry]) => ({ path, name: entry.name ?? nameOf(path), version: entry.version ?? '', development: entry.dev === true || entry.devOptional === true, entry }))
}

/** What package.json asks for: name and range. */
export const wantedBy = (manifest: Manifest | LockEntry): Record<string, string> => ({ ...manifest.devDependencies, ...manifest.optionalDependencies, ...manifest.dependencies })
