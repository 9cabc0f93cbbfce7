import ts from 'typescript';
import {
  GUARDING_CALL,
  GUARDING_FLAG,
  IN_ONE_STEP,
  LITERALS,
  LOCK_MODES,
  LOCK_PROPERTIES,
  UNDER_LOCK,
} from './guard-kinds.js';

/** What a guard does, and so what is done to it. */
export type GuardKind = 'check' | 'call' | 'one step' | 'lock' | 'flag' | 'literal';

/** A guard in a source text, which a mutant switches off. */
export interface Guard {
  readonly kind: GuardKind;
  readonly line: number;
  /** The guard's own text, on one line. */
  readonly text: string;
  /** Where it stands in the text. */
  readonly start: number;
  readonly end: number;
  /** What stands there instead: `on` is its text, `off` an expression that is true in its mutant alone. */
  readonly switched: (on: string, off: string) => string;
}

/** All guards of a source text, by rules that know syntax alone (`guard-kinds.ts`). */
export function findGuards(file: string, source: string): Guard[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const guards: Guard[] = [];
  const add = (kind: GuardKind, node: ts.Node, switched: Guard['switched']): void => {
    const start = node.getStart(tree);
    const line = tree.getLineAndCharacterOfPosition(start).line + 1;
    const text = node.getText(tree).replaceAll(/\s+/g, ' ');
    guards.push({ kind, line, text, start, end: node.getEnd(), switched });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node)) return;
    if (ts.isIfStatement(node) && endsInThrow(node.thenStatement)) addCheck(node.expression, add);
    else if (ts.isCallExpression(node)) addCall(node, add);
    else if (isFlag(node)) add('flag', node, (on, off) => `(${off} ? 0 : ${on})`);
    else addLiteral(node, add);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return guards;
}

type Add = (kind: GuardKind, node: ts.Node, switched: Guard['switched']) => void;

function endsInThrow(statement: ts.Statement): boolean {
  const last = ts.isBlock(statement) ? statement.statements.at(-1) : statement;
  return last !== undefined && ts.isThrowStatement(last);
}

/** The whole condition never holds; and where it is one of several, each of them never does. */
function addCheck(condition: ts.Expression, add: Add): void {
  const never: Guard['switched'] = (on, off) => `(!${off} && (${on}))`;
  add('check', condition, never);
  const addOperands = (node: ts.Expression): void => {
    if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.BarBarToken) {
      if (node !== condition) add('check', node, never);
      return;
    }
    addOperands(node.left);
    addOperands(node.right);
  };
  addOperands(condition);
}

function addCall(call: ts.CallExpression, add: Add): void {
  const name = ts.isPropertyAccessExpression(call.expression)
    ? call.expression.name.text
    : call.expression.getText();
  if (UNDER_LOCK.includes(name)) {
    const work = call.arguments.at(-1)!;
    add('lock', call, (on, off) => `(${off} ? (${work.getText()})() : ${on})`);
  } else if (Object.hasOwn(IN_ONE_STEP, name)) {
    const callee = call.expression;
    add('one step', callee, (on, off) => `(${off} ? guards.${IN_ONE_STEP[name]!} : ${on})`);
  } else if (GUARDING_CALL.test(name) && isUsedForNothing(whole(call))) {
    add('call', whole(call), (on, off) => `(${off} ? undefined : ${on})`);
  }
}

/** With its `.catch(...)`. */
function whole(call: ts.CallExpression): ts.CallExpression {
  const { parent } = call;
  const isChained = ts.isPropertyAccessExpression(parent) && ts.isCallExpression(parent.parent);
  return isChained ? whole(parent.parent) : call;
}

function isUsedForNothing(call: ts.Expression): boolean {
  const parent = ts.isAwaitExpression(call.parent) ? call.parent.parent : call.parent;
  return (
    ts.isExpressionStatement(parent) ||
    ts.isArrowFunction(parent) ||
    ts.isReturnStatement(parent) ||
    ts.isArrayLiteralExpression(parent) ||
    ts.isVoidExpression(parent)
  );
}

function isFlag(node: ts.Node): boolean {
  if (!GUARDING_FLAG.test(node.getText())) return false;
  return ts.isPropertyAccessExpression(node) || isOperand(node);
}

/** Not where a name is taken from an object. */
function isOperand(node: ts.Node): boolean {
  return ts.isIdentifier(node) && ts.isBinaryExpression(node.parent);
}

function addLiteral(node: ts.Node, add: Add): void {
  if (!ts.isStringLiteral(node) && !ts.isNumericLiteral(node)) return;
  const text = node.getText();
  const { parent } = node;
  const ofLock =
    ts.isPropertyAssignment(parent) && LOCK_PROPERTIES.includes(parent.name.getText())
      ? LOCK_MODES[text]
      : undefined;
  const other = ofLock ?? LITERALS[text];
  if (other === undefined) return;
  const kind = ofLock === undefined ? 'literal' : 'lock';
  add(kind, node, (on, off) => `(${off} ? ${other} : ${on})`);
}
