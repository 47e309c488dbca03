import { expect, it } from 'vitest'
import { namesProgram, sysctlPath } from '@/guest/sysctl-path'

it('a sysctl is parted by its first separator, as sysctl(8) has it', () => {
  expect(sysctlPath('net.core.somaxconn')).toBe('/proc/sys/net/core/somaxconn')
  expect(sysctlPath('net/core/somaxconn')).toBe('/proc/sys/net/core/somaxconn')
  expect(sysctlPath('net.ipv4.conf.eth0/100.forwarding')).toBe('/proc/sys/net/ipv4/conf/eth0.100/forwarding')
  expect(sysctlPath('net/ipv4/conf/eth0.100/forwarding')).toBe('/proc/sys/net/ipv4/conf/eth0.100/forwarding')
  for (const name of ['', 'kernel', '.', 'net..core', 'net/../../etc/passwd', 'net/', '/net/core', 'net.core.some conn', 'net/./core']) {
    expect(() => sysctlPath(name), name).toThrow(expect.objectContaining({ code: 'InvalidRequest', object: name }))
  }
})

it('a sysctl that has the kernel start a program outside of every container is known', () => {
  expect(namesProgram('/proc/sys/kernel/core_pattern', '|/bin/sh')).toBe(true)
  expect(namesProgram('/proc/sys/kernel/core_pattern', ' |/bin/sh')).toBe(true)
  expect(namesProgram('/proc/sys/kernel/core_pattern', 'core.%p')).toBe(false)
  expect(namesProgram('/proc/sys/kernel/modprobe', '/bin/sh')).toBe(true)
  expect(namesProgram('/proc/sys/kernel/shmmax', '1')).toBe(false)
})
