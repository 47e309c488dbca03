export const usagePageSizes = [20, 50, 100, 500] as const

/** Which page of a store's tenants the address asks for. */
export function storeUsageInput(name: string, get: (key: string) => string) {
  const cursor = get('cursor')
  return { name, limit: usagePageSizes.find((each) => String(each) === get('limit')) ?? usagePageSizes[0], ...(cursor && { cursor }) }
}
