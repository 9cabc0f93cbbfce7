import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import ts from 'typescript';

/**
 * A plugin for esbuild that has every branch of the sources count how often it was taken, in `__hits`, and collects
 * what is written in them: a fuzzer is guided by the one, and takes words from the other.
 */
export function instrument(root) {
  /** By file: its first and last place in `__hits`, and its texts and numbers. */
  const files = {};
  let places = 0;
  const plugin = {
    name: 'instrument',
    setup(build) {
      build.onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, async ({ path }) => {
        const first = places;
        const words = new Set();
        const source = await readFile(path, 'utf8');
        const { outputText } = ts.transpileModule(source, {
          fileName: path,
          compilerOptions: {
            target: ts.ScriptTarget.ES2023,
            module: ts.ModuleKind.ESNext,
            verbatimModuleSyntax: true,
          },
          transformers: { before: [countBranches(() => places++, words)] },
        });
        files[relative(root, path)] = { first, last: places - 1, words: [...words] };
        return { contents: outputText, loader: 'js' };
      });
    },
  };
  return { plugin, facts: () => ({ places, files }) };
}

function countBranches(nextPlace, words) {
  return (context) => {
    const { factory } = context;
    const count = () =>
      factory.createPostfixIncrement(
        factory.createElementAccessExpression(factory.createIdentifier('__hits'), nextPlace()),
      );
    const statement = () => factory.createExpressionStatement(count());
    const counted = (expression) =>
      factory.createParenthesizedExpression(factory.createComma(count(), expression));
    const block = (given) => {
      if (given === undefined) return factory.createBlock([statement()]);
      if (!ts.isBlock(given)) return factory.createBlock([statement(), given]);
      const { statements } = given;
      const directives = statements.findIndex(
        (one) => !ts.isExpressionStatement(one) || !ts.isStringLiteral(one.expression),
      );
      const at = directives < 0 ? statements.length : directives;
      return factory.updateBlock(given, [
        ...statements.slice(0, at),
        statement(),
        ...statements.slice(at),
      ]);
    };
    const visit = (given) => {
      collect(given, words);
      const node = ts.visitEachChild(given, visit, context);
      if (ts.isIfStatement(node)) {
        return factory.updateIfStatement(
          node,
          node.expression,
          block(node.thenStatement),
          block(node.elseStatement),
        );
      }
      if (ts.isConditionalExpression(node)) {
        return factory.updateConditionalExpression(
          node,
          node.condition,
          node.questionToken,
          counted(node.whenTrue),
          node.colonToken,
          counted(node.whenFalse),
        );
      }
      if (ts.isBinaryExpression(node) && LOGICAL.has(node.operatorToken.kind)) {
        return factory.updateBinaryExpression(
          node,
          node.left,
          node.operatorToken,
          counted(node.right),
        );
      }
      if (ts.isCaseOrDefaultClause(node)) {
        const statements = [statement(), ...node.statements];
        return ts.isCaseClause(node)
          ? factory.updateCaseClause(node, node.expression, statements)
          : factory.updateDefaultClause(node, statements);
      }
      if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
        return factory.updateArrowFunction(
          node,
          node.modifiers,
          node.typeParameters,
          node.parameters,
          node.type,
          node.equalsGreaterThanToken,
          counted(node.body),
        );
      }
      // The body of a function, of a loop, of try, catch or finally.
      if (ts.isBlock(node) && (node.parent === undefined || !ts.isIfStatement(node.parent))) {
        return block(node);
      }
      return node;
    };
    return (file) => ts.visitNode(file, visit);
  };
}

const LOGICAL = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]);

function collect(node, words) {
  if (ts.isStringLiteralLike(node) && node.text.length > 1 && node.text.length <= 40) {
    if (!ts.isImportDeclaration(node.parent) && !/^\.|^node:/.test(node.text)) words.add(node.text);
  }
}
