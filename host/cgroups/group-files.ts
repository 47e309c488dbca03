import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { codeOf } from '@/platform/error-code'

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** A file of a group and what is written to it. `optional` ones are not there on every kernel. */
export type Setting = { file: string; value: string; optional?: true }

/** Makes a group's folder, in place of one that an earlier VM left: its counts would be taken for the new one's. Throws where what is left cannot be removed. */
export async function makeGroup(folder: string): Promise<void> {
  await mkdir(folder).catch(async (error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error
    if (!(await removeGroup([folder]))) throw new Error(`${folder} is left of an earlier VM and cannot be removed: processes are in it still (its cgroup.procs), or groups below it`, { cause: error })
    await mkdir(folder)
  })
}

/** Writes a group's limits in order. Throws with the file's name; optional ones that the kernel lacks are left out. */
export async function writeSettings(folder: string, settings: readonly Setting[]): Promise<void> {
  for (const { file, value, optional } of settings) {
    try {
      await writeFile(join(folder, file), value, { flag: 'r+' })
    } catch (error) {
      if (!(optional && codeOf(error) === 'ENOENT')) throw new Error(`${join(folder, file)} did not take ${value}: ${messageOf(error)}`, { cause: error })
    }
  }
}

/**
 * Removes a VM's group. A process that was just killed may hold it for some milliseconds: tried again for 2 s in all. Says
 * whether it is gone; one that stays is removed at the agent's next start.
 */
export async function removeGroup(folders: readonly string[]): Promise<boolean> {
  const removed = await Promise.all(folders.map(async (folder) => {
    for (let pause = 5; ; pause *= 2) {
      try {
        await rmdir(folder)
        return true
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return true
        if (codeOf(error) !== 'EBUSY' || pause > 1000) return false
        await delay(pause)
      }
    }
  }))
  return removed.every(Boolean)
}

/** Whether it is gone: the kernel refuses a group in which something runs. */
export const removeEmptyGroup = (folder: string): Promise<boolean> => rmdir(folder).then(() => true, (error: unknown) => codeOf(error) === 'ENOENT')

/** Removes every group below `parents` in which nothing runs: what an agent that died has left. Returns the folders of the others. */
export async function sweepGroups(parents: readonly string[]): Promise<string[]> {
  const folders = await Promise.all(parents.map(async (parent) => (await readdir(parent, { withFileTypes: true }).catch(() => [])).filter((entry) => entry.isDirectory()).map((entry) => join(parent, entry.name))))
  const isGone = await Promise.all(folders.flat().map(removeEmptyGroup))
  return folders.flat().filter((_, index) => !isGone[index])
}

/** Takes the groups above all VMs' away when an agent ends; the kernel refuses while VMs run on for the next one. */
export async function closeGroups(parents: readonly string[]): Promise<void> {
  await sweepGroups(parents)
  await Promise.all(parents.map((parent) => rmdir(parent).catch(() => {})))
}

/** Whether the kernel killed a process of the group because the group was at its memory limit; null when it did not, else the limit in bytes. */
export async function memoryLimitHit(folders: readonly string[]): Promise<number | null> {
  for (const folder of folders) {
    for (const [events, limit] of [['memory.events', 'memory.max'], ['memory.oom_control', 'memory.limit_in_bytes']] as const) {
      const text = await readFile(join(folder, events), 'utf8').catch(() => '')
      if (Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0) return Number(await readFile(join(folder, limit), 'utf8').catch(() => '')) || 0
    }
  }
  return null
}
