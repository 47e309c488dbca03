import { existsSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

const top = '/sys/fs/cgroup'

/** The groups of this name, in version 2's tree or each of version 1's. @param {string} name @returns {string[]} */
export function groupsOf(name) {
  const trees = [top, ...(existsSync(top) ? readdirSync(top, { withFileTypes: true }) : []).filter((entry) => entry.isDirectory()).map((entry) => join(top, entry.name))]
  return trees.map((tree) => join(tree, name)).filter((folder) => existsSync(folder))
}

/** Removes an ended host's group and its VMs': an agent that was killed leaves them. The kernel keeps those in which processes are. @param {string} name */
export function removeGroupsOf(name) {
  for (const folder of groupsOf(name)) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) remove(join(folder, entry.name))
    remove(folder)
  }
}

function remove(folder) {
  try {
    rmdirSync(folder)
  } catch {
    // Somebody is in it, or it is gone.
  }
}
