import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dist, root } from './paths.mjs'

const stampFile = join(dist, 'stamps.json')

function readStamps() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'))
  } catch {
    return {}
  }
}

/**
 * Runs `build` unless it ran before on the same inputs and its outputs are still there; true when it ran.
 * @param {string} name
 * @param {{ inputs: string[], outputs: string[], salt?: string }} what paths below the checkout, files or folders
 * @param {() => Promise<void>} build
 */
export async function whenChanged(name, { inputs, outputs, salt = '' }, build) {
  const hash = hashOf(inputs, salt)
  if (readStamps()[name] === hash && outputs.every((path) => existsSync(join(root, path)))) return false
  await build()
  mkdirSync(dist, { recursive: true })
  writeFileSync(stampFile, `${JSON.stringify({ ...readStamps(), [name]: hash }, null, 2)}\n`)
  return true
}

/** The stamps as they are: together they name a version of everything that was built. */
export const versionOfBuild = () => createHash('sha256').update(JSON.stringify(readStamps())).digest('hex').slice(0, 12)

/** A hash of the names and contents of the files below these paths, tests left out. */
function hashOf(inputs, salt) {
  const hash = createHash('sha256').update(`${process.versions.node.split('.')[0]} ${salt}\0`)
  for (const path of inputs.flatMap((input) => filesBelow(input)).sort()) {
    hash.update(path).update('\0').update(readFileSync(join(root, path))).update('\0')
  }
  return hash.digest('hex')
}

function filesBelow(path) {
  const full = join(root, path)
  if (!existsSync(full)) return []
  if (!statSync(full).isDirectory()) return /\.test\.tsx?$/.test(path) ? [] : [path]
  return readdirSync(full).flatMap((name) => filesBelow(join(path, name)))
}
