import { expect, it } from 'vitest'
import { followClaim } from './claim-labels'

it('a volume has the labels of its claim, beside those that somebody set on it', () => {
  const bound = followClaim({ labels: { tier: 'gold' }, claimLabels: {} }, { app: 'db', tier: 'silver' })
  expect(bound).toEqual({ labels: { app: 'db', tier: 'gold' }, claimLabels: { app: 'db' } })
  expect(followClaim(bound, { app: 'web', team: 'a' })).toEqual({ labels: { app: 'web', team: 'a', tier: 'gold' }, claimLabels: { app: 'web', team: 'a' } })
  expect(followClaim(bound, {})).toEqual({ labels: { tier: 'gold' }, claimLabels: {} })
})

it('one that both have stays where the claim has it no more', () => {
  const both = followClaim({ labels: { app: 'db' }, claimLabels: {} }, { app: 'db' })
  expect(followClaim(both, {})).toEqual({ labels: { app: 'db' }, claimLabels: {} })
})

it('whoever sets labels of the volume takes none of its claim\'s away, and makes those his own that he gives another value', () => {
  const ofClaim = { app: 'db', tier: 'silver' }
  const { claimLabels } = followClaim({ labels: {}, claimLabels: {} }, ofClaim)
  const set = followClaim({ labels: { tier: 'gold', app: 'db', own: 'x' }, claimLabels }, ofClaim)
  expect(set).toEqual({ labels: { app: 'db', tier: 'gold', own: 'x' }, claimLabels: { app: 'db' } })
  expect(followClaim({ ...set, labels: {} }, ofClaim)).toEqual({ labels: ofClaim, claimLabels: ofClaim })
  expect(followClaim({ labels: JSON.parse('{"constructor": "x"}'), claimLabels: {} }, {}).labels).toEqual({ constructor: 'x' })
})
