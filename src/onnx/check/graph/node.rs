//! Rules about one node: what its operator's definition in the file's opset allows, and the type of its result.

use super::Checker;
use crate::onnx::ops::definitions::{definition, is_defined};
use crate::onnx::ops::{OpError, Operator, TensorType};
use crate::onnx::opset::{Opset, has_known_operators};
use crate::onnx::proto::NodeProto;
use std::rc::Rc;

impl Checker<'_> {
    /// Checks a node against its operator's definition, and infers the type of its result where that is known here.
    pub(super) fn infer(
        &mut self,
        opset: i64,
        name: &str,
        node: &NodeProto,
        operands: &[Option<Rc<TensorType>>],
    ) -> Option<TensorType> {
        if !matches!(node.domain(), "" | "ai.onnx") {
            let refused = Operator::from_node(node).err()?;
            self.refuse("node", name, &refused);
            return None;
        }
        let own = self.report.own;
        let Some(known) = definition(node.op_type(), opset) else {
            // A function of the model may have any name.
            if is_defined(node.op_type()) && self.contents.function_count == 0 {
                let message = format!("`{}` is not an operator of opset {opset}", node.op_type());
                self.report.error("node", Some(name), message);
            } else if let Err(error) = Operator::from_node(node) {
                self.refuse("node", name, &error);
            }
            return None;
        };
        let written = definition(node.op_type(), Opset::DEFAULT.version());
        let operator = match Operator::from_node(node) {
            Ok(operator) => Some(operator),
            // What the definition has is legal, but no file of our own has it.
            Err(OpError::Unknown { .. } | OpError::Unsupported { .. }) if !own => None,
            Err(_) if written.is_none_or(|written| !known.is_written_like(written)) => None,
            Err(error) => {
                self.refuse("node", name, &error);
                if error.is_illegal() {
                    return None;
                }
                None
            }
        };
        if let Err(misuse) = known.check_node(node) {
            self.report.error("node", Some(name), misuse);
            return None;
        }
        let given = || {
            node.input
                .iter()
                .zip(operands)
                .filter(|(input, _)| !input.is_empty())
        };
        let all: Option<Vec<TensorType>> = given()
            .map(|(_, found)| found.as_deref().cloned())
            .collect();
        let mut inferred = None;
        if let (Some(operator), Some(all)) = (operator, all)
            && (own || written.is_some_and(|written| known.is_written_like(written)))
        {
            let found = if has_known_operators(opset) {
                operator.infer(&all, &[])
            } else {
                operator.infer_shape(&all, &[])
            };
            let found = found.and_then(|found| match operator.check_written(&all) {
                Err(error) if own => Err(error),
                _ => Ok(found),
            });
            match found {
                Ok(found) => inferred = Some(found),
                Err(error) => {
                    self.refuse("operand", name, &error);
                    if error.is_illegal() {
                        return None;
                    }
                }
            }
        }
        let types: Vec<Option<&TensorType>> = operands.iter().map(Option::as_deref).collect();
        if let Err(misuse) = known.check_types(&types) {
            self.report.error("operand", Some(name), misuse);
            return None;
        }
        inferred
    }

    fn refuse(&mut self, code: &'static str, name: &str, error: &OpError) {
        if error.is_illegal() {
            self.report.error(code, Some(name), error);
        } else {
            self.report.strict("node-unknown", Some(name), error);
        }
    }
}
