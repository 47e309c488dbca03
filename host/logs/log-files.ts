import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** A file of a container's log: the instance of the container (from 1) and its place among that instance's files. */
export type LogFile = { instance: number; sequence: number }

const pattern = /^(\d{1,9})-(\d{1,9})\.log$/

export const logFilePath = (folder: string, file: LogFile): string => join(folder, `${file.instance}-${file.sequence}.log`)

/** Oldest first. */
export const compareLogFiles = (a: LogFile, b: LogFile): number => a.instance - b.instance || a.sequence - b.sequence

/** The files of a log, oldest first; none where there is no folder. They are never renamed, only added and removed. */
export async function listLogFiles(folder: string): Promise<LogFile[]> {
  const names = await readdir(folder).catch(() => [])
  return names
    .flatMap((name) => {
      const match = pattern.exec(name)
      return match ? [{ instance: Number(match[1]), sequence: Number(match[2]) }] : []
    })
    .sort(compareLogFiles)
}
