import { expect, it, vi } from 'vitest'
import { NetworkNamespaceKernel, type Run } from '@/host/network/kernel'
import { BridgeTables } from './bridge-tables'

/** A kernel that refuses some transactions, by their place, and what it was given. */
function tables(refuses: (rules: string, at: number) => boolean) {
  const loaded: string[] = []
  const run: Run = async (_, __, options) => {
    const rules = String(options?.input ?? '')
    if (!rules.includes('hypernetes_ext_')) return { stdout: '{"nftables":[]}', stderr: '' }
    loaded.push(rules)
    if (refuses(rules, loaded.length - 1)) throw new Error('refused')
    return { stdout: '', stderr: '' }
  }
  const warn = vi.fn()
  return { loaded, warn, bridge: new BridgeTables(new NetworkNamespaceKernel(null, run), { hostTag: 'ab12', denied: [], log: { warn } }) }
}
const hasTimeouts = (rules: string | undefined) => /ct timeout/.test(rules ?? '')

it('a first load that fails for once turns nothing off, and one that the kernel has no timeouts for goes without them, and says so', async () => {
  const once = tables((_, at) => at === 0)
  await once.bridge.load([])
  expect(hasTimeouts(once.loaded.at(-1))).toBe(true)
  expect(once.warn).not.toHaveBeenCalled()
  const never = tables((rules) => hasTimeouts(rules))
  await never.bridge.load([])
  expect(hasTimeouts(never.loaded.at(-1))).toBe(false)
  expect(never.warn).toHaveBeenCalledOnce()
})
