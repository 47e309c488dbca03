import { readFile } from 'node:fs/promises'
import { isIp } from '@/domain/shared/ip'

/** The second is where systemd-resolved keeps whom it asks itself, while the first names its own loopback address. */
const resolverFiles = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']

const isLoopback = (address: string) => address.startsWith('127.') || address === '::1'

/** The nameservers of a resolv.conf(5) that others on the network may ask too: none on loopback, at most three. */
export function nameserversIn(text: string): string[] {
  const found = text.split('\n').flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? [])
  return [...new Set(found)].filter((address) => isIp(address) && !isLoopback(address)).slice(0, 3)
}

/** Whom networks ask that name nobody: as the operator says, or as this machine does. */
export async function hostNameservers(setting: readonly string[], files: readonly string[] = resolverFiles): Promise<string[]> {
  if (setting.length > 0) return [...setting]
  for (const file of files) {
    const found = nameserversIn(await readFile(file, 'utf8').catch(() => ''))
    if (found.length > 0) return found
  }
  return []
}
