import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { z } from 'zod'
import { ExecError, run } from '@/platform/exec'
import { VmError } from './machine'
import { openFlags, perlSystemCalls, unixSockets } from './system-call-numbers'
import { filesSocket } from './start-qemu'

/** A file of the agent's for QEMU, by which it may be read, or read and written. `label` is remembered by QEMU beside it: 1 to 120 letters, digits, and . _ / - */
export type GivenFile = { path: string; access: 'read' | 'write'; label: string }

const labelPattern = /^[A-Za-z0-9._/-]{1,120}$/
const maxFiles = 100

/**
 * Node sends no descriptors, and perl-base is on every Debian; its modules Socket and Fcntl would take it longer to load than all that is done here. Arguments: socket, then for each file: the number of its set among these, `read` or `write`, label, path.
 * Each goes to the monitor with its `add-fd`, in one message. QEMU may be an escaped guest's: what it answers is bounded, and of it digits alone are printed.
 */
const script = String.raw`
use strict;
my ($socket, @files) = @ARGV;
my ($unix, $stream, $level, $rights) = (${[unixSockets.family, unixSockets.stream, unixSockets.level, unixSockets.rights].join(', ')});
my ($read_only, $read_write, $never) = (${[openFlags.readOnly, openFlags.readWrite, openFlags.noFollow | openFlags.nonBlocking].join(', ')});
${perlSystemCalls(['sendmsg'])}
socket(my $monitor, $unix, $stream, 0) or die "socket: $!\n";
connect($monitor, pack('S a108', $unix, $socket)) or die "the monitor for files does not answer: $!\n";
my $buffer = '';
sub answer {
  while (1) {
    while ($buffer =~ s/^(.*?)\r?\n//) { my $line = $1; die 'QEMU refused: ' . substr($line, 0, 300) . "\n" if $line =~ /^\{"error"/; return $line if $line =~ /^\{"(?:return|QMP)"/ }
    die "the monitor for files sent too much\n" if length $buffer > 1 << 20;
    sysread($monitor, $buffer, 65536, length $buffer) or die "the monitor for files was closed\n";
  }
}
sub give {
  my ($descriptor, $text) = @_;
  my $parts = pack('P Q', $text, length $text);
  my $control = pack('Q i i i x4', 20, $level, $rights, $descriptor);
  my $message = pack('Q L x4 P Q P Q i x4', 0, 0, $parts, 1, $control, length $control, 0);
  syscall($sys_sendmsg, fileno($monitor), $message, 0) == length $text or die "sendmsg: $!\n";
  return answer();
}
answer();
syswrite($monitor, qq({"execute":"qmp_capabilities"}\n));
answer();
my %sets;
while (my ($set, $access, $label, $path) = splice(@files, 0, 4)) {
  sysopen(my $file, $path, ($access eq 'write' ? $read_write : $read_only) | $never) or die "$path: $!\n";
  -f $file or die "$path: not a file\n";
  my $into = defined $sets{$set} ? qq("fdset-id":$sets{$set},) : '';
  give(fileno $file, qq({"execute":"add-fd","arguments":{$into"opaque":"$label"}}\n)) =~ /"fdset-id": ?(\d{1,9})\b/ or die "QEMU took no file\n";
  $sets{$set} = $1;
}
print "$sets{$_}\n" for 0 .. keys(%sets) - 1;
`

const numbers = z.array(z.coerce.number<string>().int().min(0).max(999_999_999))

/**
 * Gives a running QEMU open files, in sets: of one set it takes the file that fits how it opens `/dev/fdset/N`. Returns their numbers, in order. They stay with the
 * process when it fails half way: {@link VolumeDisks} takes them back by their labels. Throws VmError.
 */
export async function giveFiles(runDir: string, sets: readonly (readonly GivenFile[])[]): Promise<number[]> {
  const socket = filesSocket(runDir)
  const files = sets.flatMap((files, set) => files.map((file) => ({ set, ...file })))
  if (files.length > maxFiles || sets.some((set) => set.length === 0)) throw new VmError(`${files.length} files cannot be given to a VM at once`)
  for (const { label } of files) if (!labelPattern.test(label)) throw new VmError(`"${label}" is no label of a file`)
  // A VM that an earlier version of the agent started has no such monitor.
  await access(socket, constants.F_OK).catch(() => {
    throw new VmError('this VM was started by an earlier version, which gave it no way to take volumes: create the pod anew')
  })
  try {
    const { stdout } = await run('perl', ['-we', script, '--', socket, ...files.flatMap(({ set, access, label, path }) => [String(set), access, label, path])], { timeoutMs: 10_000, maxOutput: 4096 })
    const given = numbers.parse(stdout.trim().split('\n'))
    if (given.length !== sets.length) throw new VmError('QEMU did not take every file of a volume')
    return given
  } catch (error) {
    if (error instanceof VmError) throw error
    throw new VmError(`a volume's files could not be given to the VM: ${error instanceof ExecError ? error.stderr.trim().slice(-500) || error.message : 'its answer is not what it should be'}`, { cause: error })
  }
}
