import { expect, it } from 'vitest'
import { changesTable } from '@/tools/setup/guest-image.mjs'

it('shows what an update changed as a table', () => {
  const changes = [
    { name: 'crun', from: '1.21-1', to: '1.21-2' },
    { name: 'linux-image-cloud-amd64', from: '6.12.117-1', to: '6.12.118-1' },
    { name: 'libyajl2', from: null, to: '2.1.0-5' },
  ]
  expect(changesTable(changes).split('\n')).toEqual([
    '  package                  before      now',
    '  crun                     1.21-1      1.21-2',
    '  linux-image-cloud-amd64  6.12.117-1  6.12.118-1',
    '  libyajl2                 –           2.1.0-5',
  ])
})
