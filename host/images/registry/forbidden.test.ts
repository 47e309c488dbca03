import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { refuseForbiddenRegistry } from './forbidden'

describe('registries that a tenant must not reach', () => {
  it.each(['127.0.0.1:5000', 'localhost:5000', 'localhost', '169.254.169.254', '0.0.0.0:80', '[::1]:5000', '[fe80::1]', '[::ffff:127.0.0.1]:80', '168.63.129.16:80', '[fd00:ec2::254]:80', '[fd20:ce::254]:80', '[::ffff:0:127.0.0.1]:80', '[::ffff:0:a9fe:a9fe]:80'])('refuses %s', async (registry) => {
    await expect(refuseForbiddenRegistry(registry, [])).rejects.toMatchObject({ code: 'refused' })
  })
  it('refuses every address of this host, in IPv6 notation too', async () => {
    for (const { address, family } of Object.values(networkInterfaces()).flatMap((all) => all ?? [])) {
      const octets = address.split('.').map(Number)
      const mapped = octets.map((octet, i) => `${i === 2 ? ':' : ''}${octet.toString(16).padStart(2, '0')}`).join('')
      for (const registry of family === 'IPv4' ? [address, `[::ffff:${address}]`, `[::ffff:${mapped}]:443`] : [`[${address}]:443`]) {
        await expect(refuseForbiddenRegistry(registry, [])).rejects.toMatchObject({ code: 'refused' })
      }
    }
  })
  it('allows what the operator lists, to the letter', async () => {
    await refuseForbiddenRegistry('127.0.0.1:5000', ['127.0.0.1:5000'])
    await expect(refuseForbiddenRegistry('127.0.0.1:5001', ['127.0.0.1:5000'])).rejects.toMatchObject({ code: 'refused' })
  })
  it('leaves other addresses and unknown names to the puller', async () => {
    await refuseForbiddenRegistry('192.0.2.10:5000', [])
    await refuseForbiddenRegistry('registry.invalid', [])
  })
})
