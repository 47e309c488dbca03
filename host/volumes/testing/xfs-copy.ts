import { run } from '@/platform/exec'

/**
 * How much the log of an xfs would change if a copy of its disk in a file were mounted: the items that xfs_logprint finds between the log's tail and head, but for those of the superblock alone. Linux never leaves
 * the log of a file system that it froze clean as after an unmount: it writes all metadata out and then "covers" the log with transactions of the superblock, which change nothing. Source: Linux, fs/xfs/xfs_log.c,
 * xfs_log_quiesce() and xfs_log_cover(). Nothing is changed.
 */
export async function itemsToReplay(raw: string): Promise<number> {
  const { stdout } = await run('sh', ['-c', 'xfs_logprint -t "$1" 2>&1', 'sh', raw], { maxOutput: 64 * 2 ** 20 })
  if (!/log tail: \d+ head: \d+ state: <(?:CLEAN|DIRTY)>/.test(stdout)) throw new Error(`xfs_logprint does not say what state the log is in: ${stdout.slice(0, 1000)}`)
  const count = (pattern: RegExp): number => stdout.match(pattern)?.length ?? 0
  return count(/^[A-Z]+: *cnt:\d+ total:\d+ /gm) - count(/^\tBUF: .* start blkno:0x0 /gm)
}

/** What xfs_repair would mend of one whose log has nothing to replay; empty: nothing. Nothing is changed. */
export async function xfsProblems(raw: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', 'xfs_repair -n "$1" 2>&1 || echo "it ended with $?"', 'sh', raw])
  return stdout.includes('it ended with') ? stdout : ''
}

/** How large a file in its root is, by what is on the disk and not in the log; null where there is none. */
export async function bytesWithoutLog(raw: string, name: string): Promise<number | null> {
  const { stdout } = await run('sh', ['-c', 'xfs_db -r -c "path /$2" -c "print core.size" "$1" 2>&1', 'sh', raw, name])
  const size = /^core\.size = (\d+)$/m.exec(stdout)?.[1]
  return size === undefined ? null : Number(size)
}
