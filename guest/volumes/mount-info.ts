/** The kernel writes blanks, tabs, ends of lines and backslashes of a path as octal numbers, byte by byte. */
function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** The mount points of one device in a /proc/PID/mountinfo (proc_pid_mountinfo(5)), the last mount first. */
export function mountPointsOf(mountInfo: string, device: string): string[] {
  const rows = mountInfo.split('\n').map((line) => line.split(' '))
  return rows.flatMap((row) => (row[2] === device && row[4] !== undefined ? [unescapePath(row[4])] : [])).reverse()
}
