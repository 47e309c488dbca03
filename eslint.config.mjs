import next from '@next/eslint-plugin-next'
import hooks from 'eslint-plugin-react-hooks'
import tseslint from 'typescript-eslint'

const bannedProcess = 'Commands are argv arrays: use run() of platform/exec.ts, or spawn(); a shell string is where an injection begins.'

const bannedSyntax = [
  { selector: "Property[key.name='shell'][value.value=true]", message: bannedProcess },
  { selector: "TSAsExpression > CallExpression[callee.object.name='JSON'][callee.property.name='parse']", message: 'What was parsed from JSON is of no type yet: parse it with zod.' },
  { selector: "TSAsExpression[typeAnnotation.type='TSAnyKeyword']", message: 'No any.' },
]

export default tseslint.config(
  { ignores: ['.next/**', 'dist/**', 'generated/**', 'data/**', 'next-env.d.ts', 'playwright-report/**', 'test-results/**'] },
  // No inline exception: a rule that is wrong somewhere is changed here, where it can be seen.
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  ...tseslint.configs.recommended,
  {
    rules: {
      semi: ['error', 'never'],
      quotes: ['error', 'single', { avoidEscape: true, allowTemplateLiterals: false }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'] }],
      'no-empty': ['error', { allowEmptyCatch: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'codemirror', message: 'Its latest tag is version 5: use @uiw/react-codemirror and @codemirror/*.' },
            { name: 'child_process', message: 'Write node:child_process.' },
            { name: 'node:child_process', importNames: ['exec', 'execSync'], message: bannedProcess },
          ],
        },
      ],
      'no-restricted-syntax': ['error', ...bannedSyntax],
    },
  },
  {
    files: ['**/*.{ts,tsx}'],
    ignores: ['server/auth/**'],
    rules: {
      'no-restricted-syntax': ['error', ...bannedSyntax, { selector: "MemberExpression[object.name='Scope'][property.name='mint']", message: 'A scope is minted in server/auth alone, after the membership was read: take the one that the procedure has.' }],
    },
  },
  {
    files: ['**/*.{ts,tsx}'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/only-throw-error': 'error',
    },
  },
  {
    files: ['app/**/*.{ts,tsx}', 'components/**/*.{ts,tsx}'],
    plugins: { '@next/next': next, 'react-hooks': hooks },
    rules: {
      ...next.configs.recommended.rules,
      ...next.configs['core-web-vitals'].rules,
      ...hooks.configs.recommended.rules,
      // These two are for the React Compiler, which is not used here, and take an event handler that is handed to a
      // render function for code that runs in render.
      'react-hooks/refs': 'off',
      'react-hooks/purity': 'off',
      // Likewise its note that a library's hook cannot be compiled.
      'react-hooks/incompatible-library': 'off',
    },
  },
)
