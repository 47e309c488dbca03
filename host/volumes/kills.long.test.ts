import { describeKills, everyStep } from './testing/kills'

describeKills('a store of files, again and again', { kills: 50, steps: everyStep, powerCuts: 15 })
