import { z } from 'zod'
import { isIp, isSubnet } from '@/domain/shared/ip'

// What comes here becomes words of commands. Lists of a hundred thousand are not parsed, but have the letters of an address and no others.
export const ip = z.string().max(45).regex(/^[0-9a-fA-F.:]+$/, 'must be an address')
export const oneIp = ip.refine(isIp, 'must be an address')
export const subnetText = z.string().max(49).refine(isSubnet, 'must be a subnet')
export const portNumber = z.number().int().min(1).max(65535)
export const transport = z.enum(['tcp', 'udp'])
