import { run } from '@/platform/exec'

/** QEMU's locks of an image (block/file-posix.c) are on single bytes: from 100 on what it does, from 200 on what it lets nobody else do. The one for writing is 101. */
const script = String.raw`
for my $path (@ARGV) {
  my @held;
  if (open(my $file, '<', $path)) {
    for my $range ([101, 1], [100, 200]) {
      my $lock = pack('s s x4 q q l x4', 1, 0, $range->[0], $range->[1], 0);
      fcntl($file, 36, $lock) or die "lock: $!\n";
      push @held, unpack('s', $lock) == 2 ? 0 : 1;
    }
  } else { die "lock: $!\n" unless $!{ENOENT}; @held = (0, 0) }
  print $held[0] ? "writer\n" : $held[1] ? "reader\n" : "none\n";
}
`

export type Opener = 'none' | 'reader' | 'writer'

/**
 * Who has an image open, by the locks of the kernel, which QEMU takes on each (its own descriptor's, so that they outlive nothing that has it open; an NFS of version 4 knows
 * those of other hosts). F_OFD_GETLK changes nothing and reads nothing of the image. Node has no word for it; perl-base is on every Debian.
 */
export async function openersOf(paths: readonly string[]): Promise<Opener[]> {
  if (paths.length === 0) return []
  const { stdout } = await run('perl', ['-MErrno', '-e', script, '--', ...paths], { timeoutMs: 10_000 })
  return stdout.trim().split('\n').map((line) => (line === 'writer' || line === 'reader' ? line : 'none'))
}
