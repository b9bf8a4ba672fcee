class UsersController < ActionController::API
  def index
    render json: User.order(:id)
  end
end
