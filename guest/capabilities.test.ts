import { describe, expect, it } from 'vitest'
import { grantedCapabilities } from '@/guest/capabilities'

describe('capabilities', () => {
  it('are the runtimes’ fourteen, then what is added, then without what is dropped', () => {
    expect(grantedCapabilities({})).toHaveLength(14)
    expect(grantedCapabilities({ capabilities: { add: ['NET_ADMIN'], drop: ['chown', 'CAP_KILL'] } })).toHaveLength(13)
    expect(grantedCapabilities({ capabilities: { add: ['SYS_TIME'], drop: ['ALL'] } })).toEqual(['CAP_SYS_TIME'])
    expect(grantedCapabilities({ capabilities: { add: ['ALL'], drop: ['SYS_ADMIN'] } })).toHaveLength(40)
    expect(grantedCapabilities({ privileged: true, capabilities: { add: [], drop: ['ALL'] } })).toHaveLength(41)
  })

  it('that no kernel knows are refused by name', () => {
    expect(() => grantedCapabilities({ capabilities: { add: [], drop: ['NET_ADMINS'] } })).toThrow(expect.objectContaining({ code: 'InvalidRequest', object: 'NET_ADMINS' }))
  })
})
