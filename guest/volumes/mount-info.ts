/** The kernel writes blanks, tabs, ends of lines and backslashes of a path as octal numbers, byte by byte. */
function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** One mount of a device. `groups`: the numbers of the peer groups that pass mounts and unmounts on to it (mount_namespaces(7)). */
export type Mount = { at: string; groups: readonly string[] }

/** The mounts of one device in a /proc/PID/mountinfo (proc_pid_mountinfo(5)), the last one first. */
export function mountsIn(mountInfo: string, device: string): Mount[] {
  const rows = mountInfo.split('\n').map((line) => line.split(' '))
  return rows.flatMap((row) => {
    if (row[2] !== device || row[4] === undefined) return []
    const groups = row.slice(6, row.indexOf('-', 6)).flatMap((field) => /^(?:shared|master):(\d+)$/.exec(field)?.[1] ?? [])
    return [{ at: unescapePath(row[4]), groups }]
  }).reverse()
}
