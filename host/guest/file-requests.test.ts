import { expect, it } from 'vitest'
import { maxControlBytes } from '@/contracts/guest/v1/frame'
import { WriteFilesParams } from '@/contracts/guest/v1/requests'
import { requestsOf } from './file-requests'

const file = (path: string, bytes: number) => ({ path, mode: 0o644, contentBase64: Buffer.alloc(bytes, `content of ${path} `).toString('base64') })
/** What a guest makes of requests: each piece is decoded alone. */
function written(requests: ReturnType<typeof requestsOf>): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (const { path, contentBase64, append = false } of requests.flatMap(({ part }) => part)) {
    files.set(path, Buffer.concat([...(append ? [files.get(path) ?? Buffer.alloc(0)] : []), Buffer.from(contentBase64, 'base64')]))
  }
  return files
}

it('parts files of any size into requests that the guest accepts, of which the last one commits', () => {
  const files = [file('a', 10), file('whole', 1 << 20), file('edge', 384 * 1024), file('over', 384 * 1024 + 1), ...Array.from({ length: 1500 }, (_, i) => file(`many/${i}`, 1))]
  const requests = requestsOf(files)
  for (const { part } of requests) {
    const params = { volume: 'v', version: '1', files: part, commit: false }
    expect(WriteFilesParams.safeParse(params).success).toBe(true)
    expect(JSON.stringify(params).length).toBeLessThan(maxControlBytes - 1024)
  }
  expect(requests.map(({ isLast }) => isLast)).toEqual(requests.map((_, i) => i === requests.length - 1))
  const got = written(requests)
  expect(got.size).toBe(files.length)
  expect(files.filter(({ path, contentBase64 }) => got.get(path)?.toString('base64') !== contentBase64)).toEqual([])
  expect(requests.flatMap(({ part }) => part).filter(({ append }) => append).map(({ path }) => path)).toEqual(['whole', 'whole', 'over'])
})

it('makes one request of nothing, which commits', () => {
  expect(requestsOf([])).toEqual([{ part: [], isLast: true }])
})
