import { GuestError } from '@/guest/errors'

/** The file of a sysctl. As sysctl(8) has it, the first separator parts the name and the other one stands for itself. */
export function sysctlPath(name: string): string {
  const dotted = /^[^./]*\./.test(name)
  const parts = (dotted ? name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.')) : name).split('/')
  if (parts.length < 2 || parts.some((part) => !/^[A-Za-z0-9_.:@-]+$/.test(part) || /^\.+$/.test(part))) throw new GuestError('InvalidRequest', `"${name}" is not the name of a sysctl`, name)
  return `/proc/sys/${parts.join('/')}`
}

/** These name programs that the kernel starts as the VM's root, outside of every container. */
const programs = /^\/proc\/sys\/kernel\/(modprobe|hotplug|poweroff_cmd|core_pattern|uevent_helper|usermodehelper\/.*)$/

/** Whether a value would have the kernel start a program. */
export function namesProgram(path: string, value: string): boolean {
  // A core pattern without a pipe is the name of a file.
  return programs.test(path) && (!path.endsWith('/core_pattern') || value.trimStart().startsWith('|'))
}
