import * as z from 'zod/mini'

/** What fields of messages are made of, with the bounds that both sides hold to. */
export const bytes = z.number().check(z.int(), z.nonnegative())
export const text = (limit: number) => z.string().check(z.maxLength(limit))
export const uint32 = z.number().check(z.int(), z.gte(0), z.lte(0xffff_ffff))
export const uid = z.number().check(z.int(), z.gte(0), z.lte(0x7fff_ffff))
export const name = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/))
export const absolutePath = z.string().check(z.startsWith('/'), z.maxLength(4096))
/** QuickJS has no URL, with which zod's own check reads addresses. */
export const ipv6 = z.string().check(z.regex(/^[0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){2,7}$/))
export const ipv6Subnet = z.string().check(z.regex(/^[0-9A-Fa-f:]{2,39}\/\d{1,3}$/))
export const streamId = uint32.check(z.gte(1))
export const terminalSide = z.number().check(z.int(), z.gte(1), z.lte(10_000))
export const environment = z.array(z.string().check(z.regex(/^[^=\0]+=[^\0]*$/))).check(z.maxLength(4096))
export const argumentList = z.array(z.string().check(z.regex(/^[^\0]*$/))).check(z.minLength(1), z.maxLength(4096))
