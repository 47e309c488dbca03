import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { z } from 'zod'
import { run } from '@/platform/exec'
import { VmError } from '../machine'
import { identifyProcess, isRunning, killProcess, ProcessIdentity, waitUntilGone } from '../process-identity'
import { perlSystemCalls } from '../system-call-numbers'
import { digestScript } from './digest'

/** How holders show in the list of processes, before their name. */
const title = 'hypernetes-template'

/**
 * Copies a file into memory that nobody can change any more, root included: a memfd with every seal. QEMU opens a memory
 * file for reading and writing even where it maps it privately; on a sealed one, writing, truncating and punching holes
 * fail in the kernel, so a clone that was broken out of cannot reach its siblings. A memfd lives as long as somebody has it
 * open: this process does, and outlives the agent. It ends by itself where its record is gone: so is the folder it was for.
 *
 * Arguments: file, name, record. Prints the descriptor's number once the memory is sealed.
 */
const holderScript = String.raw`
use strict; use warnings;
my ($path, $name, $record) = @ARGV;
${perlSystemCalls(['memfd_create'])}
my ($allow_sealing, $no_exec) = (0x2, 0x8); # linux/memfd.h
my $fd = syscall($sys_memfd_create, $name, $allow_sealing | $no_exec);
$fd = syscall($sys_memfd_create, $name, $allow_sealing) if $fd < 0; # kernels before 6.3
die "memfd: $!\n" if $fd < 0;
open(my $memory, '+<&=', $fd) or die "memfd: $!\n";
open(my $file, '<', $path) or die "$path: $!\n";
truncate($memory, -s $file) or die "memfd: $!\n";
my ($seek_data, $seek_hole, $block) = (3, 4, 1 << 20);
my $hole = 0;
while (defined(my $at = sysseek($file, $hole, $seek_data))) {
  $hole = sysseek($file, $at, $seek_hole) or die "$path: $!\n";
  sysseek($file, $at, 0); sysseek($memory, $at, 0);
  while ($at < $hole) {
    my $count = sysread($file, my $bytes, $hole - $at < $block ? $hole - $at : $block) or die "$path: $!\n";
    for (my $done = 0; $done < $count; ) { $done += syswrite($memory, $bytes, $count - $done, $done) || die "memfd: $!\n" }
    $at += $count;
  }
}
close($file);
my ($add_seals, $seal, $shrink, $grow, $write) = (1033, 1, 2, 4, 8);
fcntl($memory, $add_seals, $seal | $shrink | $grow | $write) or die "seal: $!\n";
$0 = "${title} $name";
syswrite(STDOUT, "$fd\n");
open(STDOUT, '>', '/dev/null');
do { sleep 60 } while -e $record;
`

const digestOnlyScript = String.raw`
use strict; use warnings;
${digestScript}
my ($path) = @ARGV;
open(my $file, '<', $path) or die "$path: $!\n";
digest_begin();
each_chunk($file, $path, \&digest_add);
print digest_end(), "\n";
`

/** The hash of a memory file, sealed or on the disk. Throws ExecError where it cannot be read. */
export async function memoryDigest(path: string): Promise<string> {
  return (await run('perl', ['-e', digestOnlyScript, '--', path], { timeoutMs: 300_000 })).stdout.trim()
}

/** A holder's process and the descriptor it has the memory under. */
export const MemoryHolder = z.object({ process: ProcessIdentity, descriptor: z.number().int().nonnegative() })
export type MemoryHolder = z.infer<typeof MemoryHolder>

/** Where a holder's memory can be opened, by root alone. */
export const holderPath = ({ process, descriptor }: MemoryHolder) => `/proc/${process.pid}/fd/${descriptor}`

/**
 * Makes a sealed copy of `file`, for as long as the file `record` is there (looked for every minute). Throws VmError with the cause, memory that is short included.
 */
export async function holdSealedCopy(file: string, name: string, record: string): Promise<MemoryHolder> {
  const child = spawn('perl', ['-e', holderScript, '--', file, name, record], { cwd: '/', detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, LANG: 'C.UTF-8', NODE_ENV: process.env.NODE_ENV } })
  let problem = ''
  child.stderr.on('data', (chunk: Buffer) => (problem = (problem + chunk.toString()).slice(-500)))
  const failed = once(child, 'exit').then(() => undefined, (error: unknown) => void (problem = String(error)))
  const line = await Promise.race([once(child.stdout, 'data').then(([chunk]) => String(chunk)), failed])
  const descriptor = Number.parseInt(line ?? '', 10)
  const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid)
  if (!Number.isInteger(descriptor) || !identity) {
    child.kill('SIGKILL')
    throw new VmError(`the template's memory could not be copied: ${problem.trim()}`)
  }
  child.stdout.destroy()
  child.stderr.destroy()
  child.unref()
  return { process: identity, descriptor }
}

/** Whether the holder still runs, as root: it may be one of an earlier run of the agent. */
export function holds(holder: MemoryHolder): Promise<boolean> {
  return isRunning(holder.process, 0)
}

/** Ends holders whose name begins with `prefix` and that nobody knows: of an agent that died before it had noted them. */
export async function endStrayHolders(prefix: string, known: ReadonlySet<number>): Promise<void> {
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid) || known.has(pid)) continue
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (!commandLine.startsWith(`${title} ${prefix}-`)) continue
    const identity = await identifyProcess(pid)
    // A VM's user may call a process as it likes.
    if (identity && (await isRunning(identity, 0))) await killProcess(identity)
  }
}

/** Lets the memory go. VMs that have mapped it keep it. */
export async function letGo(holder: MemoryHolder): Promise<void> {
  if (await killProcess(holder.process)) await waitUntilGone(holder.process, 5000)
}
