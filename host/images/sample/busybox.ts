import { readFile } from 'node:fs/promises'
import { run } from '@/platform/exec'
import type { ArchiveEntry } from '../tar/archive'

/** Where Debian's package busybox-static puts its program. */
const busyboxPath = '/bin/busybox'

/** A small root file system of one program: busybox, a link an applet, users root, app (10001) and nobody. */
export async function busyboxRoot(): Promise<ArchiveEntry[]> {
  const [program, applets] = await Promise.all([readFile(busyboxPath), run(busyboxPath, ['--list'])])
  const users = ['root:x:0:0:root:/root:/bin/sh', 'app:x:10001:10001:app:/home/app:/bin/sh', 'nobody:x:65534:65534:nobody:/:/bin/sh']
  const groups = ['root:x:0:', 'app:x:10001:', 'nogroup:x:65534:']
  return [
    ...['bin/', 'etc/', 'usr/', 'usr/bin/', 'var/', 'home/'].map((name) => ({ name })),
    { name: 'root/', mode: 0o700 },
    { name: 'home/app/', uid: 10001, gid: 10001 },
    { name: 'tmp/', mode: 0o1777 },
    { name: 'etc/passwd', content: `${users.join('\n')}\n` },
    { name: 'etc/group', content: `${groups.join('\n')}\n` },
    { name: 'bin/busybox', mode: 0o755, content: program },
    ...applets.stdout
      .split('\n')
      .filter((applet) => applet !== '' && applet !== 'busybox')
      .map((applet): ArchiveEntry => ({ name: `bin/${applet}`, type: 'symlink', linkName: 'busybox' })),
    { name: 'usr/bin/env', type: 'symlink', linkName: '../../bin/busybox' },
  ]
}
