import { randomInt } from 'node:crypto'
import { configureGlobal, readConfigureGlobal } from 'fast-check'

/**
 * One seed for all properties of a process (HYPERNETES_PROPERTY_SEED, else drawn): where a whole run tries a test a second time, that sees the very inputs on which the first one failed, and a counterexample
 * that is seldom is not drawn away. The failure names the seed.
 */
configureGlobal({ ...readConfigureGlobal(), seed: Number(process.env.HYPERNETES_PROPERTY_SEED ?? randomInt(2 ** 31)) })
