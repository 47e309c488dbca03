import { run } from '@/platform/exec'
import { VmError } from './machine'

/** An installed QEMU: `version` as it prints it, `machine` the versioned name of its default `pc`. */
export type Qemu = { binary: string; version: string; machine: string }

/** Asks QEMU for its version and the versioned machine type behind `pc`. Throws ExecError where it is not installed. */
export async function findQemu(binary = 'qemu-system-x86_64'): Promise<Qemu> {
  const [version, machines] = await Promise.all([run(binary, ['--version']), run(binary, ['-machine', 'help'])])
  const machine = versionedMachine(machines.stdout)
  if (!machine) throw new VmError(`${binary} knows no machine type pc-i440fx`)
  return { binary, version: version.stdout.split('\n', 1)[0]?.trim() ?? '', machine }
}

/** The machine type that `pc` stands for, in the output of `-machine help`. */
export function versionedMachine(help: string): string | undefined {
  return /\(alias of (pc-i440fx-[\d.]+)\)/.exec(help)?.[1]
}
