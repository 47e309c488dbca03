import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The top of the checkout, without a slash at the end. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
export const dist = join(root, 'dist')
/** @param {string} name */
export const npmProgram = (name) => join(root, 'node_modules', '.bin', name)
