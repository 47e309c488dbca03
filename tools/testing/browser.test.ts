import { expect, test } from 'vitest'
import { browserPath } from './browser'

test('the browser is the one that is named, else the first that is there', () => {
  expect(browserPath('/opt/browser', [process.execPath])).toBe('/opt/browser')
  expect(browserPath('', ['/no/such/browser', process.execPath, '/no/other'])).toBe(process.execPath)
})

test('where there is no browser, what to do is said', () => {
  expect(() => browserPath('', ['/no/such/browser'])).toThrow('none of /no/such/browser is there: npm test installs one, or set CHROMIUM_PATH')
})
