// What root and the broker say to each other: everything comes back as it was said, and nothing else is understood.
#include "secshr/control/control_message.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace secshr {
namespace {

TEST(ControlMessage, comes_back_as_it_was_said) {
  for (const auto request : {ControlRequest::state, ControlRequest::leave, ControlRequest::renew}) {
    EXPECT_EQ(decode_control_request(encode_control_request(request)), request);
  }
  for (const auto stage : {BrokerStage::serving, BrokerStage::to_be_renewed, BrokerStage::ending}) {
    const auto state = decode_broker_state(encode_broker_state({stage, 17}));
    ASSERT_TRUE(state.has_value());
    EXPECT_EQ(state->stage, stage);
    EXPECT_EQ(state->directories, 17U);
  }
  std::array<std::byte, maximum_directory_state_size> bytes{};
  for (const std::string& name : {std::string(), std::string("/tmp"), std::string(maximum_directory_name, 'x')}) {
    const std::size_t size = encode_directory_state(60, name, bytes);
    const auto directory = decode_directory_state(std::span(bytes).first(size));
    ASSERT_TRUE(directory.has_value());
    EXPECT_EQ(directory->idle_ms, 60U);
    EXPECT_EQ(directory->name, name);
  }
}

TEST(ControlMessage, has_a_name_cut_where_it_is_too_long) {
  std::array<std::byte, maximum_directory_state_size> bytes{};
  const std::size_t size = encode_directory_state(2, std::string(maximum_directory_name + 1, 'x'), bytes);
  EXPECT_EQ(decode_directory_state(std::span(bytes).first(size))->name, std::string(maximum_directory_name, 'x'));
}

TEST(ControlMessage, of_another_length_or_kind_is_not_understood) {
  const auto request = encode_control_request(ControlRequest::state);
  for (std::size_t size = 0; size < request.size(); ++size) {
    EXPECT_FALSE(decode_control_request(std::span(request).first(size)).has_value()) << size;
  }
  std::vector<std::byte> longer(request.begin(), request.end());
  longer.push_back(std::byte{});
  EXPECT_FALSE(decode_control_request(longer).has_value());
  for (std::size_t index = 0; index < request.size(); ++index) {
    auto changed = request;
    changed.at(index) ^= std::byte{0x40};
    EXPECT_FALSE(decode_control_request(changed).has_value()) << index;
  }
  for (const unsigned code : {0U, 4U, 255U}) {
    auto changed = request;
    changed[8] = static_cast<std::byte>(code);
    EXPECT_FALSE(decode_control_request(changed).has_value()) << code;
  }
  auto state = encode_broker_state({BrokerStage::ending, 1});
  EXPECT_FALSE(decode_broker_state(std::span(state).first(state.size() - 1)).has_value());
  state[0] = std::byte{3};
  EXPECT_FALSE(decode_broker_state(state).has_value());
  EXPECT_FALSE(decode_directory_state(std::vector<std::byte>(3)).has_value());
  EXPECT_TRUE(decode_directory_state(std::vector<std::byte>(4)).has_value());
  EXPECT_TRUE(decode_directory_state(std::vector<std::byte>(maximum_directory_state_size)).has_value());
  EXPECT_FALSE(decode_directory_state(std::vector<std::byte>(maximum_directory_state_size + 1)).has_value());
}

}  // namespace
}  // namespace secshr
