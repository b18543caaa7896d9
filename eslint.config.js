import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist/', 'runs/', 'node_modules/', 'lib/onnx/proto/', 'spec/fixtures/'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // Index loops over typed arrays are the natural form of numeric kernels.
      '@typescript-eslint/prefer-for-of': 'off',
    },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
)
