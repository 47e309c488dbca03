import { describeKills } from './testing/kills'

describeKills('a store of files', { kills: 4, steps: [2, 3], powerCuts: 2 })
