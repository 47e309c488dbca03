import * as os from 'qjs:os'
import { GuestError } from '@/guest/errors'
import { writeFile } from '@/guest/files'
import { namesProgram, sysctlPath } from '@/guest/sysctl-path'

/** Sets the kernel's parameters of this VM. Throws InvalidRequest with the name of the first one that is refused. */
export function setSysctls(sysctls: readonly { name: string; value: string }[]): void {
  for (const { name, value } of sysctls) {
    const path = sysctlPath(name)
    if (namesProgram(path, value)) throw new GuestError('InvalidRequest', `the sysctl ${name} names a program that would run outside of the pod's containers, which is not allowed`, name)
    const [status] = os.stat(path)
    if (!status || (status.mode & os.S_IFMT) !== os.S_IFREG) throw new GuestError('InvalidRequest', `the kernel of the pod's machine has no sysctl ${name}`, name)
    try {
      writeFile(path, `${value}\n`)
    } catch (error) {
      const cause = error instanceof GuestError ? error.message : String(error)
      throw new GuestError('InvalidRequest', `the kernel of the pod's machine does not take "${value}" for the sysctl ${name} (${cause})`, name)
    }
  }
}
