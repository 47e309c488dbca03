import { afterEach, beforeEach } from 'vitest'
import { streamUrl } from '../stream-socket'
import { Browser } from './browser'
import { TestServer } from './test-server'

const path = '/ws/stream/t'

/** A server for each test of a file, to which the host dials. Serves one stream and gives the other end of it. */
export function servedStreams(): (serve: (url: string) => Promise<void>) => Promise<{ browser: Browser; served: Promise<void> }> {
  let server: TestServer
  beforeEach(async () => void (server = await TestServer.start()))
  afterEach(() => server.stop())
  return async (serve) => {
    const stream = server.expectStream(path)
    const served = serve(streamUrl(server.url, path))
    return { browser: new Browser(await stream), served }
  }
}
