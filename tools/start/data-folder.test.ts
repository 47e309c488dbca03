import { describe, expect, it } from 'vitest'
import { makeDataFolders } from './data-folder'

describe('the data folder', () => {
  it('is refused before anything is made where VMs could have no sockets below it', () => {
    expect(() => makeDataFolders(`/nonexistent/${'x'.repeat(60)}`, undefined)).toThrow(/has 73 bytes, and VMs' sockets below it allow 46\. Set HYPERNETES_DATA to a shorter path/)
  })
})
