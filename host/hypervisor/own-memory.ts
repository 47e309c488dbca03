import { readFile } from 'node:fs/promises'
import { run } from '@/platform/exec'
import { VmError } from './machine'
import type { ProcessIdentity } from './process-identity'

/** The VM's memory could not be filled; the template has no part in it. */
export class CopyError extends VmError {}

/**
 * Copies what a template's memory holds to where another process has its guest's, holes left out. Writing to /proc/PID/mem counts as that process' own touch of its memory: the pages are charged to its
 * group, and are large ones where it has asked for those. Source: proc_pid_mem(5); the kernel's mem_cgroup_charge() takes the group of the mapping's owner.
 *
 * The number of a process may be another's by then, of whom the memory would be opened: who runs under it since when (field 22 of /proc/PID/stat) is asked once that is open, which from then on is of nobody else.
 *
 * Arguments: the template's memory, the process, when it started, and the address of its guest's memory.
 */
const copyScript = String.raw`
use strict; use warnings;
my ($path, $pid, $ticks, $start) = @ARGV;
open(my $from, '<:raw', $path) or die "the template's memory: $!\n";
open(my $to, '+<:raw', "/proc/$pid/mem") or die "the VM's memory: $!\n";
open(my $stat, '<', "/proc/$pid/stat") or die "the VM: $!\n";
my ($fields) = do { local $/; <$stat> } =~ /.*\) (.*)/s; # the command's name may hold parentheses
(split ' ', $fields)[19] eq $ticks or die "process $pid is another one by now\n";
my ($seek_data, $seek_hole, $block) = (3, 4, 1 << 20); # lseek(2)
my $hole = 0;
while (defined(my $at = sysseek($from, $hole, $seek_data))) {
  $hole = sysseek($from, $at, $seek_hole) or die "the template's memory: $!\n";
  sysseek($from, $at, 0) and sysseek($to, $start + $at, 0) or die "the VM's memory: $!\n";
  while ($at < $hole) {
    my $count = sysread($from, my $bytes, $hole - $at < $block ? $hole - $at : $block) or die "the template's memory: $!\n";
    for (my $done = 0; $done < $count; ) { $done += syswrite($to, $bytes, $count - $done, $done) || die "the VM's memory: $!\n" }
    $at += $count;
  }
}
`

/**
 * Gives a QEMU that waits for its saved state (the boot `copy`) a copy of its template's memory, of the file `template`. A clone maps the template's memory and is given a page of 4 KiB for each that it
 * changes, whatever the kernel could do for it: a disk is then handed every request in pieces of 4 KiB. What is copied lies in large pages. Throws {@link CopyError} with the cause, or the signal's
 * reason.
 */
export async function copyTemplateMemory({ pid, startTicks }: ProcessIdentity, memoryMiB: number, template: string, signal: AbortSignal): Promise<void> {
  try {
    const start = guestMemory(await readFile(`/proc/${pid}/maps`, 'utf8'), memoryMiB)
    await run('perl', ['-e', copyScript, '--', template, String(pid), startTicks, start.toString()], { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw new CopyError(`the VM was not given its memory: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/**
 * Where QEMU has its guest's memory, of its mappings as proc_pid_maps(5) tells them: private, without a file, and to the byte as large. QEMU leaves a page that nobody may touch at its end, so that the
 * kernel never tells it together with another. Throws VmError where that is not one.
 */
export function guestMemory(maps: string, memoryMiB: number): bigint {
  const mappings = [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0 *$/gm)].map(([, from, to]) => ({ from: BigInt(`0x${from}`), to: BigInt(`0x${to}`) }))
  const [found, ...others] = mappings.filter(({ from, to }) => to - from === BigInt(memoryMiB) << 20n)
  if (!found || others.length > 0) throw new VmError(`QEMU has ${found ? others.length + 1 : 0} mappings of ${memoryMiB} MiB, and its guest's memory is one: which it is cannot be told`)
  return found.from
}
